using System.Collections.Concurrent;
using Vitrine.Checkpoints;
using Vitrine.Policies;
using Vitrine.Studio.Models;
using Vitrine.Studio.Scenes;
using Vitrine.Worlds.Studies;

namespace Vitrine.Studio.Work;

/// <summary>How a study stands.</summary>
/// <param name="Request">What was asked.</param>
/// <param name="Chunks">Chunks that are done.</param>
/// <param name="AllChunks">Chunks in all; 0 before the first.</param>
/// <param name="Result">What it found; null before its end.</param>
/// <param name="Failure">Why it stopped; null while it goes on.</param>
/// <param name="IsRunning">Whether it is being carried out in this process.</param>
internal sealed record StudyState(StudyRequest Request, int Chunks, int AllChunks, StudyResult? Result, string? Failure, bool IsRunning);

/// <summary>Carries out studies one behind the other, beside the pages. What is finished lies in the work folder; a stopped one goes on from there.</summary>
internal sealed class StudyQueue : IDisposable
{
    private readonly ConcurrentDictionary<string, StudyState> states = new();
    private readonly SemaphoreSlim turn = new(1);
    private readonly CancellationTokenSource end = new();
    private readonly OpenModels models;
    private readonly Workplace place;

    /// <param name="models">Those of the studio.</param>
    /// <param name="place">Where studies lie; looked into at once.</param>
    public StudyQueue(OpenModels models, Workplace place)
    {
        (this.models, this.place) = (models, place);
        Look();
    }

    /// <summary>Told when a study has moved on.</summary>
    public event Action? Changed;

    /// <summary>Every study that was ever asked for here, the newest first; as it is known, without a look into the work folder.</summary>
    public IReadOnlyList<StudyState> All => [.. states.Values.OrderByDescending(s => s.Request.Asked)];

    /// <summary>Looks into the work folder for studies that are not known yet.</summary>
    public void Look()
    {
        foreach (var request in place.Requests().Where(r => !states.ContainsKey(r.Name)))
        {
            states.TryAdd(request.Name, new StudyState(request, 0, 0, Found(request.Name), null, false));
        }
    }

    /// <summary>Asks for a study and begins with it when those before it are done.</summary>
    /// <returns>Its name.</returns>
    public string Ask(string model, Study study)
    {
        ArgumentNullException.ThrowIfNull(study);
        var request = new StudyRequest(model, Workplace.NewId(), DateTime.UtcNow, study.ToJson());
        place.Keep(request);
        Begin(request.Name);
        return request.Name;
    }

    /// <summary>Begins with a study, or goes on with it.</summary>
    /// <exception cref="VitrineException">Nobody asked for it.</exception>
    public void Begin(string name)
    {
        Look();
        var state = states.GetValueOrDefault(name) ?? throw new VitrineException($"study '{name}': nobody asked for it.");
        if (state.IsRunning)
        {
            return;
        }

        Set(new StudyState(state.Request, 0, 0, null, null, true));
        _ = Task.Run(() => RunAsync(state.Request));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        end.Cancel();
        end.Dispose();
        turn.Dispose();
    }

    private async Task RunAsync(StudyRequest request)
    {
        try
        {
            await turn.WaitAsync(end.Token).ConfigureAwait(false);
            try
            {
                var study = Study.FromJson(request.Study);
                var policy = models.Open(request.Model).Model as Policy
                    ?? throw new VitrineException($"{request.Model}: is no policy; studies are of policies.");
                var options = new StudyOptions { Workers = Math.Max(1, Environment.ProcessorCount / 2), Folder = Path.Combine(place.Studies, request.Name) };
                var run = await new StudyRunner(SceneSource.NewWorld).RunAsync(study, policy, options, new Told(p =>
                    Set(states[request.Name] with { Chunks = p.Chunks, AllChunks = p.AllChunks })), end.Token).ConfigureAwait(false);
                var result = StudyResult.Of(run);
                AtomicFile.WriteAllText(ResultPath(request.Name), result.ToJson());
                Set(states[request.Name] with { Result = result, IsRunning = false });
            }
            finally
            {
                turn.Release();
            }
        }
        catch (Exception e) when (e is VitrineException or OperationCanceledException or ObjectDisposedException or IOException)
        {
            Set(states[request.Name] with { Failure = e.Message, IsRunning = false });
        }
    }

    private string ResultPath(string name) => Path.Combine(place.Studies, name, "result.json");

    /// <summary>What a study found that ended before; null where it did not, or where the file is broken: its chunks give it again.</summary>
    private StudyResult? Found(string name)
    {
        try
        {
            return File.Exists(ResultPath(name)) ? StudyResult.FromJson(File.ReadAllText(ResultPath(name))) : null;
        }
        catch (Exception e) when (e is VitrineException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private void Set(StudyState state)
    {
        states[state.Request.Name] = state;
        Changed?.Invoke();
    }

    private sealed class Told(Action<StudyProgress> told) : IProgress<StudyProgress>
    {
        public void Report(StudyProgress value) => told(value);
    }
}
