using Vitrine.Transformers.Families;
using static TorchSharp.torch;

namespace Vitrine.Policies.Act;

/// <summary>A ResNet of basic blocks without its classifier, with frozen batch norms (torchvision, models/resnet.py; He et al. 2016).</summary>
internal sealed class ResNet
{
    private const double Epsilon = 1e-5;
    private static readonly Dictionary<string, int[]> Depths = new(StringComparer.Ordinal) { ["resnet18"] = [2, 2, 2, 2], ["resnet34"] = [3, 4, 6, 3] };

    private readonly Convolution stem;
    private readonly BasicBlock[] blocks;

    /// <param name="weights">Under the backbone's prefix.</param>
    /// <param name="name">As torchvision calls it.</param>
    /// <param name="source">What to call the configuration in errors.</param>
    /// <exception cref="VitrineException">It is none that is computed.</exception>
    public ResNet(WeightReader weights, string name, string source)
    {
        if (!Depths.TryGetValue(name, out var depths))
        {
            throw new VitrineException($"{source}: vision_backbone is '{name}'; this version computes {string.Join(", ", Depths.Keys)}.");
        }

        stem = new Convolution(weights, "conv1", "bn1", inputs: 3, kernel: 7, stride: 2);
        var made = new List<BasicBlock>();
        var channels = stem.Channels;
        for (var layer = 0; layer < depths.Length; layer++)
        {
            for (var i = 0; i < depths[layer]; i++)
            {
                made.Add(new BasicBlock(weights, $"layer{layer + 1}.{i}", channels, stride: layer > 0 && i == 0 ? 2 : 1));
                channels = made[^1].Channels;
            }
        }

        (blocks, Channels) = ([.. made], channels);
    }

    /// <summary>Channels of its feature maps.</summary>
    public int Channels { get; }

    /// <summary>Rows or columns of the feature maps of a picture with so many.</summary>
    public static int Size(int pixels)
    {
        for (var halved = 0; halved < 5; halved++)
        {
            pixels = (pixels + 1) / 2;
        }

        return pixels;
    }

    /// <param name="pixels">(B,3,H,W).</param>
    /// <returns>(B,channels,H/32,W/32).</returns>
    public Tensor Forward(Tensor pixels)
    {
        var x = Pooled(nn.functional.relu(stem.Apply(pixels)));
        return blocks.Aggregate(x, (y, block) => block.Forward(y));
    }

    /// <remarks>The largest of 3 x 3, every second one.</remarks>
    private static Tensor Pooled(Tensor x) => x.device_type == TorchSharp.DeviceType.META
        ? x.new_empty(x.shape[0], x.shape[1], (x.shape[2] + 1) / 2, (x.shape[3] + 1) / 2)
        : nn.functional.max_pool2d(x, 3, 2, 1);

    /// <summary>A convolution and its frozen norm, whose numbers are put together once.</summary>
    private sealed class Convolution
    {
        private readonly Tensor kernel, scale, shift;
        private readonly int stride, padding;

        public Convolution(WeightReader weights, string name, string norm, int inputs, int kernel, int stride)
        {
            Channels = (int)weights.Shape($"{name}.weight")[0];
            (this.stride, padding) = (stride, kernel / 2);
            this.kernel = weights.Take($"{name}.weight", Channels, inputs, kernel, kernel);
            Tensor gain = weights.Take($"{norm}.weight", Channels), bias = weights.Take($"{norm}.bias", Channels);
            Tensor mean = weights.Take($"{norm}.running_mean", Channels), variance = weights.Take($"{norm}.running_var", Channels);
            using var scope = NewDisposeScope();
            var factor = gain * (variance + tensor(Epsilon, variance.dtype, variance.device)).rsqrt();
            (scale, shift) = (weights.Keep(factor.view(1, -1, 1, 1)), weights.Keep((bias - (mean * factor)).view(1, -1, 1, 1)));
        }

        public int Channels { get; }

        /// <remarks>libtorch's meta device has no convolution.</remarks>
        public Tensor Apply(Tensor x)
        {
            var y = x.device_type == TorchSharp.DeviceType.META
                ? x.new_empty(x.shape[0], Channels, (x.shape[2] + stride - 1) / stride, (x.shape[3] + stride - 1) / stride)
                : nn.functional.conv2d(x, kernel, null, strides: [stride, stride], padding: [padding, padding]);
            return y * scale + shift;
        }
    }

    /// <summary>relu(x' + conv(relu(conv(x)))), where x' is x or a convolution of it.</summary>
    private sealed class BasicBlock
    {
        private readonly Convolution first, second;
        private readonly Convolution? shortcut;

        public BasicBlock(WeightReader weights, string at, int inputs, int stride)
        {
            first = new Convolution(weights, $"{at}.conv1", $"{at}.bn1", inputs, kernel: 3, stride);
            second = new Convolution(weights, $"{at}.conv2", $"{at}.bn2", first.Channels, kernel: 3, stride: 1);
            shortcut = weights.Has($"{at}.downsample.0.weight")
                ? new Convolution(weights, $"{at}.downsample.0", $"{at}.downsample.1", inputs, kernel: 1, stride)
                : null;
        }

        public int Channels => second.Channels;

        public Tensor Forward(Tensor x)
            => nn.functional.relu(second.Apply(nn.functional.relu(first.Apply(x))) + (shortcut is null ? x : shortcut.Apply(x)));
    }
}
