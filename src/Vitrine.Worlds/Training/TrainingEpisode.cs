using Vitrine.Worlds.Tabletop;

namespace Vitrine.Worlds.Training;

/// <summary>An episode that frames are taken from, as it stands between two steps of a training.</summary>
/// <param name="Number">Counts the worlds of this place, from 0; decides what hides the camera.</param>
/// <param name="Start">Where the present instruction began.</param>
/// <param name="Now">The table.</param>
/// <param name="Spec">What is asked.</param>
/// <param name="Instruction">In words.</param>
/// <param name="Noise">Standard deviation of the noise on its actions.</param>
/// <param name="Steps">Since the instruction began.</param>
/// <param name="Path">Where the gripper was, up to nine places.</param>
/// <param name="Guided">Steps that the expert still acts in the student's place.</param>
internal sealed record TrainingEpisode(
    int Number, TabletopState Start, TabletopState Now, TaskSpec Spec, string Instruction, double Noise, int Steps, IReadOnlyList<Position> Path, int Guided);

/// <summary>An instruction for a frame, and what the expert would do.</summary>
/// <param name="Spec">What is asked.</param>
/// <param name="Words">How.</param>
/// <param name="Chunk">The expert's next actions, seven numbers each.</param>
internal sealed record AskedFrame(TaskSpec Spec, string Words, IReadOnlyList<double[]> Chunk);

/// <summary>A frame of a step.</summary>
/// <param name="Episode">Which of the episodes.</param>
/// <param name="IsStudent">Whether the student acts in it.</param>
/// <param name="Seen">With the instruction that is carried out.</param>
/// <param name="State">The table.</param>
/// <param name="View">How the camera sees.</param>
/// <param name="Asked">The instruction that is carried out comes first.</param>
internal sealed record TrainingFrame(
    int Episode, bool IsStudent, Policies.Observation Seen, TabletopState State, TabletopView View, IReadOnlyList<AskedFrame> Asked);
