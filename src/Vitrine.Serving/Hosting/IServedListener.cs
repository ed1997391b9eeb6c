namespace Vitrine.Serving.Hosting;

/// <summary>Is told of every session and every answer: a recorder, a monitor, a live view.</summary>
public interface IServedListener
{
    /// <summary>A session has begun.</summary>
    void Opened(HostSession session);

    /// <summary>An answer is about to be sent; called by the thread that computes, before the client has it.</summary>
    void Answered(ServedStep step);

    /// <summary>A session has left.</summary>
    void Closed(HostSession session);
}
