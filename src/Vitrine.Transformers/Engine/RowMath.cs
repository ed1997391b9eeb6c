using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Vitrine.Transformers.Engine;

/// <summary>What stands around the products of one token of one row, over memory: norms, rotation, one query's attention, activations.</summary>
/// <remarks>
/// At one row a libtorch operation costs more than its arithmetic. A decode step runs these, fused block by block where nobody asks for a point in between
/// (<see cref="FusedRow"/>), or one by one with a tensor at each point: the same code in both, so that reading a point changes no bit.
/// </remarks>
internal static unsafe class RowMath
{
    /// <remarks>Vectors are compiled where they run, and without this first as plain calls, which a token would go through a hundred times.</remarks>
    private const MethodImplOptions Hot = MethodImplOptions.AggressiveOptimization;

    /// <summary>Numbers of a register.</summary>
    public const int Lanes = 8;

    private const float GeluInner = 0.7978845608028654f, GeluCubic = 0.044715f, QuickSlope = 1.702f;

    /// <summary>Whether a tensor (1,1,...) is one token of one row with nothing to differentiate, as these read it.</summary>
    public static bool Takes(Tensor x)
        => !is_grad_enabled() && x.dtype == ScalarType.Float32 && x.device_type == DeviceType.CPU && x.dim() >= 3 && x.size(0) == 1 && x.size(1) == 1
            && x.is_contiguous();

    /// <summary>The first number of a contiguous tensor of less than 2 GiB.</summary>
    public static float* At(Tensor x) => (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(x.bytes));

    [MethodImpl(Hot)]
    public static float Dot(float* a, float* b, int count)
    {
        var (s, t, u, v) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
        var i = 0;
        for (; i <= count - (4 * Lanes); i += 4 * Lanes)
        {
            s = Vector256.MultiplyAddEstimate(Vector256.Load(a + i), Vector256.Load(b + i), s);
            t = Vector256.MultiplyAddEstimate(Vector256.Load(a + i + Lanes), Vector256.Load(b + i + Lanes), t);
            u = Vector256.MultiplyAddEstimate(Vector256.Load(a + i + (2 * Lanes)), Vector256.Load(b + i + (2 * Lanes)), u);
            v = Vector256.MultiplyAddEstimate(Vector256.Load(a + i + (3 * Lanes)), Vector256.Load(b + i + (3 * Lanes)), v);
        }

        for (; i <= count - Lanes; i += Lanes)
        {
            s = Vector256.MultiplyAddEstimate(Vector256.Load(a + i), Vector256.Load(b + i), s);
        }

        var sum = Vector256.Sum(s + t + (u + v));
        for (; i < count; i++)
        {
            sum += a[i] * b[i];
        }

        return sum;
    }

    /// <summary>y += a x.</summary>
    [MethodImpl(Hot)]
    public static void Add(float* y, float a, float* x, int count)
    {
        var factor = Vector256.Create(a);
        var i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            Vector256.MultiplyAddEstimate(factor, Vector256.Load(x + i), Vector256.Load(y + i)).Store(y + i);
        }

        for (; i < count; i++)
        {
            y[i] += a * x[i];
        }
    }

    /// <summary>y += x.</summary>
    [MethodImpl(Hot)]
    public static void Add(float* y, float* x, int count)
    {
        var i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            (Vector256.Load(y + i) + Vector256.Load(x + i)).Store(y + i);
        }

        for (; i < count; i++)
        {
            y[i] += x[i];
        }
    }

    /// <summary>y *= x.</summary>
    [MethodImpl(Hot)]
    public static void Multiply(float* y, float* x, int count)
    {
        var i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            (Vector256.Load(y + i) * Vector256.Load(x + i)).Store(y + i);
        }

        for (; i < count; i++)
        {
            y[i] *= x[i];
        }
    }

    /// <summary>Rows of one width, each normed for itself.</summary>
    /// <param name="kind">LayerNorm, or root mean square with the gain as it multiplies.</param>
    /// <param name="epsilon">Under the root.</param>
    /// <param name="gain">(width).</param>
    /// <param name="bias">(width); null for none.</param>
    /// <param name="x">(rows, width).</param>
    /// <param name="y">The same; may be <paramref name="x"/>.</param>
    /// <param name="rows">How many.</param>
    /// <param name="width">Of each.</param>
    [MethodImpl(Hot)]
    public static void Norm(NormKind kind, double epsilon, float* gain, float* bias, float* x, float* y, int rows, int width)
    {
        for (var row = 0; row < rows; row++, x += width, y += width)
        {
            var mean = kind == NormKind.LayerNorm ? Sum(x, width) / width : 0;
            var variance = (kind == NormKind.LayerNorm ? SquaresAround(x, mean, width) : Dot(x, x, width)) / width;
            var scale = 1 / MathF.Sqrt(variance + (float)epsilon);
            var (middle, factor) = (Vector256.Create(mean), Vector256.Create(scale));
            var i = 0;
            for (; i <= width - Lanes; i += Lanes)
            {
                ((Vector256.Load(x + i) - middle) * factor * Vector256.Load(gain + i)).Store(y + i);
            }

            for (; i < width; i++)
            {
                y[i] = (x[i] - mean) * scale * gain[i];
            }

            if (bias is not null)
            {
                Add(y, bias, width);
            }
        }
    }

    /// <summary>Turns the first coordinates of each head: (a, b) -> (a cos - b sin, b cos + a sin) on their halves.</summary>
    /// <param name="x">(heads, width), in place.</param>
    /// <param name="heads">How many.</param>
    /// <param name="width">Of a head.</param>
    /// <param name="cos">(turning / 2).</param>
    /// <param name="sin">(turning / 2).</param>
    /// <param name="turning">Coordinates that turn.</param>
    [MethodImpl(Hot)]
    public static void Turn(float* x, int heads, int width, float* cos, float* sin, int turning)
    {
        var half = turning / 2;
        for (var head = 0; head < heads; head++, x += width)
        {
            var i = 0;
            for (; i <= half - Lanes; i += Lanes)
            {
                Vector256<float> first = Vector256.Load(x + i), second = Vector256.Load(x + i + half), c = Vector256.Load(cos + i), s = Vector256.Load(sin + i);
                ((first * c) - (second * s)).Store(x + i);
                ((second * c) + (first * s)).Store(x + i + half);
            }

            for (; i < half; i++)
            {
                var (a, b) = (x[i], x[i + half]);
                x[i] = (a * cos[i]) - (b * sin[i]);
                x[i + half] = (b * cos[i]) + (a * sin[i]);
            }
        }
    }

    /// <summary>softmax(scale q k) v of one token's heads over the keys that it sees.</summary>
    /// <param name="q">(heads, width).</param>
    /// <param name="keys">Of the first key that is seen: (kvHeads, ..., width), keys of a head one behind the other.</param>
    /// <param name="values">The same.</param>
    /// <param name="strides">Numbers from one head's keys, and values, to the next one's.</param>
    /// <param name="sizes">Heads, heads of keys and values, width of each.</param>
    /// <param name="asked">The first head that is computed, and that behind the last.</param>
    /// <param name="count">Keys.</param>
    /// <param name="scale">On the scores.</param>
    /// <param name="cap">c in c tanh(score / c); null for none.</param>
    /// <param name="scores">(count), scratch.</param>
    /// <param name="z">(heads, width).</param>
    public static void Attend(
        float* q, float* keys, float* values, (long Keys, long Values) strides, (int Heads, int KeyValueHeads, int Width) sizes, (int From, int To) asked,
        int count, float scale, float? cap, float* scores, float* z)
    {
        var (shared, width) = (sizes.Heads / sizes.KeyValueHeads, sizes.Width);
        q += asked.From * width;
        z += asked.From * width;
        for (var head = asked.From; head < asked.To; head++, q += width, z += width)
        {
            float* k = keys + (head / shared * strides.Keys), v = values + (head / shared * strides.Values);
            var most = float.NegativeInfinity;
            for (var j = 0; j < count; j++)
            {
                var score = Dot(q, k + ((long)j * width), width) * scale;
                score = cap is { } c ? c * MathF.Tanh(score / c) : score;
                most = MathF.Max(most, score);
                scores[j] = score;
            }

            Weighted(scores, v, count, width, 1 / Exponentials(scores, most, count), z);
        }
    }

    /// <summary>z = share sum_j a_j v_j, 32 coordinates at a time in registers.</summary>
    [MethodImpl(Hot)]
    private static void Weighted(float* a, float* v, int count, int width, float share, float* z)
    {
        var (i, all) = (0, Vector256.Create(share));
        for (; i <= width - (4 * Lanes); i += 4 * Lanes)
        {
            var (s, t, u, w) = (Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero, Vector256<float>.Zero);
            var row = v + i;
            for (var j = 0; j < count; j++, row += width)
            {
                var factor = Vector256.Create(a[j]);
                s = Vector256.MultiplyAddEstimate(factor, Vector256.Load(row), s);
                t = Vector256.MultiplyAddEstimate(factor, Vector256.Load(row + Lanes), t);
                u = Vector256.MultiplyAddEstimate(factor, Vector256.Load(row + (2 * Lanes)), u);
                w = Vector256.MultiplyAddEstimate(factor, Vector256.Load(row + (3 * Lanes)), w);
            }

            (s * all).Store(z + i);
            (t * all).Store(z + i + Lanes);
            (u * all).Store(z + i + (2 * Lanes));
            (w * all).Store(z + i + (3 * Lanes));
        }

        if (i < width)
        {
            new Span<float>(z + i, width - i).Clear();
            for (var j = 0; j < count; j++)
            {
                Add(z + i, a[j], v + ((long)j * width) + i, width - i);
            }

            for (; i < width; i++)
            {
                z[i] *= share;
            }
        }
    }

    /// <summary>The activation of each number, in place.</summary>
    public static void Activate(Activation activation, float* x, int count)
    {
        switch (activation)
        {
            case Activation.Silu:
                Sigmoided(x, count, Activation.Silu);
                break;
            case Activation.GeluTanh:
                Sigmoided(x, count, Activation.GeluTanh);
                break;
            case Activation.QuickGelu:
                Sigmoided(x, count, Activation.QuickGelu);
                break;
            case Activation.Gelu:
                for (var i = 0; i < count; i++)
                {
                    x[i] = (float)(0.5 * x[i] * ComplementaryError(-x[i] / Math.Sqrt(2)));
                }

                break;
            case Activation.Relu:
                for (var i = 0; i < count; i++)
                {
                    x[i] = x[i] < 0 ? 0 : x[i];
                }

                break;
            case Activation.Tanh:
                for (var i = 0; i < count; i++)
                {
                    x[i] = MathF.Tanh(x[i]);
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(activation));
        }
    }

    /// <summary>Whether every number is finite.</summary>
    [MethodImpl(Hot)]
    public static bool AreFinite(float* x, int count)
    {
        var (i, bad, exponent) = (0, Vector256<int>.Zero, Vector256.Create(0x7f800000));
        for (; i <= count - Lanes; i += Lanes)
        {
            bad |= Vector256.Equals(Vector256.Load((int*)x + i) & exponent, exponent);
        }

        var finite = bad == Vector256<int>.Zero;
        for (; i < count; i++)
        {
            finite &= float.IsFinite(x[i]);
        }

        return finite;
    }

    /// <summary>Some outputs of a matrix stored [in, out]: y = sum of x_i times row i.</summary>
    /// <param name="weights">(in, out).</param>
    /// <param name="stride">Numbers from row to row.</param>
    /// <param name="inputs">in.</param>
    /// <param name="x">(in).</param>
    /// <param name="y">(out).</param>
    /// <param name="from">First output.</param>
    /// <param name="to">Behind the last.</param>
    public static void Columns(float* weights, long stride, int inputs, float* x, float* y, int from, int to)
    {
        new Span<float>(y + from, to - from).Clear();
        for (var i = 0; i < inputs; i++)
        {
            Add(y + from, x[i], weights + (i * stride) + from, to - from);
        }
    }

    [MethodImpl(Hot)]
    private static float Sum(float* x, int count)
    {
        var sum = Vector256<float>.Zero;
        var i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            sum += Vector256.Load(x + i);
        }

        var all = Vector256.Sum(sum);
        for (; i < count; i++)
        {
            all += x[i];
        }

        return all;
    }

    [MethodImpl(Hot)]
    private static float SquaresAround(float* x, float mean, int count)
    {
        var (sum, centre) = (Vector256<float>.Zero, Vector256.Create(mean));
        var i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            var away = Vector256.Load(x + i) - centre;
            sum = Vector256.MultiplyAddEstimate(away, away, sum);
        }

        var all = Vector256.Sum(sum);
        for (; i < count; i++)
        {
            all += (x[i] - mean) * (x[i] - mean);
        }

        return all;
    }

    /// <summary>exp(x - most) in place, and their sum.</summary>
    [MethodImpl(Hot)]
    private static float Exponentials(float* x, float most, int count)
    {
        var (sum, top) = (Vector256<float>.Zero, Vector256.Create(most));
        var i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            var e = Vector256.Exp(Vector256.Load(x + i) - top);
            e.Store(x + i);
            sum += e;
        }

        var all = Vector256.Sum(sum);
        for (; i < count; i++)
        {
            x[i] = MathF.Exp(x[i] - most);
            all += x[i];
        }

        return all;
    }

    /// <summary>x sigmoid(u) = x / (1 + exp(-u)), with the u of the activation; 1 + tanh(u / 2) is 2 sigmoid(u).</summary>
    [MethodImpl(Hot)]
    private static void Sigmoided(float* x, int count, Activation activation)
    {
        var i = 0;
        for (; i <= count - Lanes; i += Lanes)
        {
            Eight(Vector256.Load(x + i), activation).Store(x + i);
        }

        if (i < count)
        {
            var rest = stackalloc float[Lanes];
            new Span<float>(x + i, count - i).CopyTo(new Span<float>(rest, Lanes));
            Eight(Vector256.Load(rest), activation).Store(rest);
            new Span<float>(rest, count - i).CopyTo(new Span<float>(x + i, count - i));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Eight(Vector256<float> x, Activation activation)
    {
        var u = activation switch
        {
            Activation.Silu => x,
            Activation.QuickGelu => x * Vector256.Create(QuickSlope),
            _ => (x + (x * x * x * Vector256.Create(GeluCubic))) * Vector256.Create(2 * GeluInner),
        };
        return x / (Vector256<float>.One + Vector256.Exp(-u));
    }

    /// <summary>erfc, to about 1e-7 of its value.</summary>
    /// <remarks>Numerical Recipes (Press et al.), chapter 6.2: a Chebyshev fit.</remarks>
    private static double ComplementaryError(double x)
    {
        ReadOnlySpan<double> fit = [-1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277];
        var (size, sum) = (Math.Abs(x), 0.0);
        var t = 1 / (1 + (0.5 * size));
        for (var i = fit.Length - 1; i >= 0; i--)
        {
            sum = fit[i] + (t * sum);
        }

        var tail = t * Math.Exp((-size * size) + sum);
        return x >= 0 ? tail : 2 - tail;
    }
}
