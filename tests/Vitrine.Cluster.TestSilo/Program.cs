using System.Globalization;
using Vitrine.Cluster;
using Vitrine.Cluster.TestSilo;
using Vitrine.Worlds.Studies;

// silo  POSTGRES CLUSTER PORT WORKERS SLEEP_MS                      says "ready" and serves until standard input ends
// alone - - 0 WORKERS SLEEP_MS - LAYOUTS STEPS                      runs it without a cluster, to be compared with
// drive POSTGRES CLUSTER PORT WORKERS SLEEP_MS FOLDER LAYOUTS STEPS runs the sleeping study, keeps it in FOLDER, says "done SECONDS" at the end
var options = new ClusterOptions
{
    Postgres = args[1],
    Name = args[2],
    Port = Number(3),
    Verbose = Environment.GetEnvironmentVariable("VITRINE_TESTS_VERBOSE") == "1",
};
var sleep = TimeSpan.FromMilliseconds(Number(5));
using var ended = new CancellationTokenSource();
_ = Task.Run(() =>
{
    while (Console.In.ReadLine() is not null)
    {
    }

    ended.Cancel();
});

if (args[0] == "silo")
{
    await using var silo = await ClusterSilo.StartAsync(Opened, Number(4), options);
    Console.WriteLine("ready");
    await Task.WhenAny(silo.Ended, Task.Delay(Timeout.Infinite, ended.Token));
    return 0;
}

var study = SleepingStudy.Of("sleeping", Number(7), Number(8));
var watch = System.Diagnostics.Stopwatch.StartNew();
if (args[0] == "alone")
{
    using var work = SleepingStudy.Work(study, sleep);
    await StudyRunner.RunAsync(work, new() { Workers = Number(4) });
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"done {watch.Elapsed.TotalSeconds:0.000}"));
    return 0;
}

var run = await new ClusterRunner(Opened, options).RunAsync(
    new(study), new() { Workers = Number(4), Folder = args[6] }, new Told<StudyProgress>(p => Console.WriteLine($"chunk {p.Chunks} of {p.AllChunks}")),
    new Told<string>(line => Console.WriteLine($"{watch.Elapsed.TotalSeconds:0.0} s: {line}")), ended.Token);
File.WriteAllText(Path.Combine(args[6], "run.json"), run.ToJson());
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"done {watch.Elapsed.TotalSeconds:0.000}"));
return 0;

OpenedStudy Opened(StudyOrder asked) => new(SleepingStudy.Work(asked.Study, sleep));

int Number(int i) => int.Parse(args[i], CultureInfo.InvariantCulture);

public sealed class Told<T>(Action<T> what) : IProgress<T>
{
    public void Report(T value) => what(value);
}
