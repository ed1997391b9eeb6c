using Vitrine.Inputs.Pictures;
using Vitrine.Policies.Flow;
using Vitrine.Policies.LeRobot;

namespace Vitrine.Policies.Pi;

/// <summary>A pi0 or pi0.5 folder without its network, as LeRobot saves it or as it was converted from openpi.</summary>
/// <param name="Files">From observations to what the network reads, and back to the robot's units.</param>
/// <param name="Flow">Of the flow.</param>
/// <param name="Recipe">From a camera's picture to pixels.</param>
internal sealed record PiFolder(LeRobotFolder Files, FlowSettings Flow, PictureRecipe Recipe);
