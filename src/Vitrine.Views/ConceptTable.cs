using Vitrine.Views.Drawing;

namespace Vitrine.Views;

/// <summary>The neurons of one concept with both ends of their value vectors.</summary>
/// <param name="cluster">The concept and its neurons.</param>
/// <param name="scoreMeaning">What a neuron's score counts.</param>
public sealed class ConceptTable(ConceptCluster cluster, string scoreMeaning) : View
{
    private const int Unfolded = 5;

    internal override void Write(Markup page)
    {
        page.Open("section", ("class", "concept")).Open("h3").Text("em", cluster.Concept)
            .Text("span", cluster.Neurons.Count == 1 ? " 1 neuron" : $" {Figures.Count(cluster.Neurons.Count)} neurons", ("class", "k")).Close("h3");
        if (cluster.Words.Count > 0)
        {
            page.Text("p", "Words: " + string.Join(", ", cluster.Words), ("class", "k"));
        }

        if (cluster.Neurons.Count == 0)
        {
            page.Text("p", "No neuron’s value vector spells this concept.", ("class", "empty"));
        }
        else
        {
            Table(page, cluster.Neurons.Take(Unfolded));
        }

        if (cluster.Neurons.Count > Unfolded)
        {
            page.Open("details").Text("summary", $"{Figures.Count(cluster.Neurons.Count - Unfolded)} more");
            Table(page, cluster.Neurons.Skip(Unfolded));
            page.Close("details");
        }

        page.Close("section");
    }

    private void Table(Markup page, IEnumerable<ConceptNeuron> neurons)
    {
        page.Open("table", ("class", "neurons stacked")).Text("caption", $"Neurons that spell {cluster.Concept}; score: {scoreMeaning}", ("class", "unseen"))
            .Open("thead").Open("tr").Text("th", "neuron", ("scope", "col")).Text("th", "score", ("scope", "col"), ("class", "r"))
            .Text("th", "activation, mean ± sd", ("scope", "col"), ("class", "r")).Text("th", "writes", ("scope", "col"))
            .Text("th", "and, negated", ("scope", "col")).Close("tr").Close("thead").Open("tbody");
        foreach (var neuron in neurons)
        {
            page.Open("tr", ("id", page.Places.Take(Places.Neuron(neuron.Layer, neuron.Index)))).Open("th", ("scope", "row"), ("class", "mono"))
                .Link(Places.Layer(neuron.Layer), $"{neuron.Layer}:{neuron.Index}").Close("th")
                .Text("td", Figures.Plain(neuron.Score, neuron.Score == Math.Floor(neuron.Score) ? 0 : 2), ("class", "r"), ("data-label", "score"))
                .Text("td", $"{Figures.Change(neuron.MeanActivation, 2)} ± {Figures.Plain(neuron.Sigma, 2)}", ("class", "r"), ("data-label", "activation"));
            page.Open("td", ("data-label", "writes"));
            new TokenStrip(neuron.Top).Write(page);
            page.Close("td").Open("td", ("data-label", "and, negated"));
            new TokenStrip(neuron.Bottom).Write(page);
            page.Close("td").Close("tr");
        }

        page.Close("tbody").Close("table");
    }
}
