namespace Vitrine.Tests.Checkpoints;

public sealed class VitrineExceptionTests
{
    /// <remarks>A fuzzed .npy file had a line end inside a key that its refusal quotes.</remarks>
    [Fact]
    public void A_message_is_one_line_whatever_it_quotes()
    {
        new VitrineException("a.npy: has the key 'for\nran\u001b[2J_order'").Message.ShouldBe("a.npy: has the key 'for\\nran\\u001b[2J_order'");
        new VitrineException("plain \u00e9", new InvalidOperationException()).Message.ShouldBe("plain \u00e9");
    }
}
