using System.Text.Json.Serialization;

namespace Vitrine.Studio.Work;

/// <summary>Something that was worth keeping: what was seen, and the address that brings it back.</summary>
/// <param name="Id">Unique, and a file's name.</param>
/// <param name="Title">In a line.</param>
/// <param name="Note">What its keeper says of it; may be empty.</param>
/// <param name="Address">Path and query.</param>
/// <param name="Command">The command line that gives the same; empty where there is none.</param>
/// <param name="Html">What was shown, as HTML with inline SVG.</param>
/// <param name="Kept">When, in universal time.</param>
internal sealed record Finding(string Id, string Title, string Note, string Address, string Command, string Html, DateTime Kept);

/// <summary>A study that was asked for, with whom it is about, so that another process can go on with it.</summary>
/// <param name="Model">As a user named it.</param>
/// <param name="Name">Of its folder.</param>
/// <param name="Asked">When, in universal time.</param>
/// <param name="Study">The study as JSON.</param>
internal sealed record StudyRequest(string Model, string Name, DateTime Asked, string Study);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(Finding))]
[JsonSerializable(typeof(StudyRequest))]
internal sealed partial class WorkJsonContext : JsonSerializerContext;
