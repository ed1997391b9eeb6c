using Vitrine.Mechanisms.Experts;
using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>Neurons of an expert by what they write into the action, beside what they do.</summary>
/// <param name="found">What was read and measured.</param>
/// <param name="names">What the numbers of an action are.</param>
public sealed class ExpertNeuronTable(ExpertComparison found, IReadOnlyList<string> names) : View
{
    internal override void Write(Markup page)
    {
        var (own, sign) = (found.Direction.Dimension, found.Direction.Sign);
        int[] others = [.. Enumerable.Range(0, names.Count).Where(d => d != own)];
        page.Open("section", ("class", "concept")).Open("h3").Text($"{(sign > 0 ? "+" : "−")}{names[own]}")
            .Text("span", $" the {Figures.Count(found.Neurons.Count)} neurons that write it most", ("class", "k")).Close("h3");
        page.Open("div", ("class", "scroll"), ("tabindex", 0), ("role", "group"), ("aria-label", "Neurons of the expert"));
        page.Open("table", ("class", "stacked"))
            .Text("caption", "What one deviation of a neuron writes and does, normalised", ("class", "unseen")).Open("thead").Open("tr")
            .Text("th", "neuron", ("scope", "col")).Text("th", $"writes {names[own]}", ("scope", "col"), ("class", "r"))
            .Text("th", $"does to {names[own]}", ("scope", "col"), ("class", "r"));
        foreach (var other in others)
        {
            page.Text("th", $"writes {names[other]}", ("scope", "col"), ("class", "r"));
        }

        page.Close("tr").Close("thead").Open("tbody");
        foreach (var (neuron, effect) in found.Neurons.Zip(found.Effects))
        {
            var (layer, index) = (neuron.Neuron.Layer, neuron.Neuron.Index);
            page.Open("tr", ("id", page.Places.Take(Places.Neuron(layer, index)))).Text("th", $"{layer}:{index}", ("scope", "row"), ("class", "mono"))
                .Text("td", Figures.Change(neuron.Read[own]), ("class", "r"), ("data-label", $"writes {names[own]}"))
                .Text("td", Figures.Change(effect[own], 4), ("class", "r"), ("data-label", $"does to {names[own]}"));
            foreach (var other in others)
            {
                page.Text("td", Figures.Change(neuron.Read[other]), ("class", "r"), ("data-label", $"writes {names[other]}"));
            }

            page.Close("tr");
        }

        page.Close("tbody").Close("table").Close("div");
        page.Open("p").Text("Read-outs and effects agree with ").Text("strong", $"r = {Figures.Plain(found.Trained, 2)}")
            .Text($" over {found.Sampled} random neurons, and in the same expert with initial weights with ")
            .Text("strong", $"r = {Figures.Plain(found.Untrained, 2)}")
            .Text(": that they agree comes from the residual stream and says nothing of what was learnt. Whether the neurons steer is asked in closed loop.")
            .Close("p").Close("section");
    }
}
