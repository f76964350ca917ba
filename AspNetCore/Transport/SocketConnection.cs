// One connection: two pipes on native memory, and two loops that move bytes between them and the socket.
//
//   socket ── receive ──► input pipe ──► application         ends:  peer closes   -> input ends, ConnectionClosed
//   socket ◄── send ───── output pipe ◄── application               application   -> output ends, socket is shut down, both loops end
//                                                                   Abort         -> reset, both loops end with the reason
//
// Invariant: each pipe has one reader and one writer; only Close closes the socket, once; DisposeAsync returns when both loops are over, so that no
// buffer of the connection is out after it.
// Cost: no buffer while the connection is silent (a receive of zero bytes waits for data); bytes to send that lie in several buffers are copied together,
// 64 KiB at a time, because a system call costs more than the copy.

using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace KAlloc.AspNetCore;

internal sealed class SocketConnection : DefaultConnectionContext, IMemoryPoolFeature, IConnectionSocketFeature
{
    /// <summary>Room that a receive wants at least: a rest of a buffer smaller than that is not worth a system call.</summary>
    private const int MinReceive = 2048;
    private const int MaxSend = 65_536;
    private static long s_connections;

    private readonly Lock _closing = new();
    private readonly CancellationTokenSource _closed = new();
    private readonly bool _waitForData;
    private readonly Pipe _input;
    private readonly Pipe _output;
    private Exception? _reason;
    private bool _isClosed;
    private Task _running = Task.CompletedTask;

    internal SocketConnection(Socket socket, MemoryPool<byte> pool, PipeOptions input, PipeOptions output, bool waitForData)
        : base(string.Create(null, $"K{Interlocked.Increment(ref s_connections):X8}"))
    {
        Socket = socket;
        MemoryPool = pool;
        _waitForData = waitForData;
        _input = new(input);
        _output = new(output);
        Transport = new Duplex(_input.Reader, _output.Writer);
        Application = new Duplex(_output.Reader, _input.Writer);
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
        Features.Set<IMemoryPoolFeature>(this);
        Features.Set<IConnectionSocketFeature>(this);
    }

    public MemoryPool<byte> MemoryPool { get; }

    public Socket Socket { get; }

    /// <summary>Starts both loops. Not on the thread that accepts: the first receive may find a lot.</summary>
    internal void Start() => _running = Task.Run(() => Task.WhenAll(ReceiveAsync(), SendAsync()));

    public override void Abort(ConnectionAbortedException abortReason)
    {
        Close(abortReason);
        _output.Reader.CancelPendingRead();
    }

    public override async ValueTask DisposeAsync()
    {
        _input.Reader.Complete();
        _output.Writer.Complete();
        await _running;
        _closed.Dispose();
        await base.DisposeAsync();
    }

    private async Task ReceiveAsync()
    {
        Exception? error = null;
        try
        {
            while (true)
            {
                if (_waitForData) await Socket.ReceiveAsync(Memory<byte>.Empty, SocketFlags.None);
                int received = await Socket.ReceiveAsync(_input.Writer.GetMemory(MinReceive), SocketFlags.None);
                if (received == 0) break;
                _input.Writer.Advance(received);
                FlushResult flush = await _input.Writer.FlushAsync();
                if (flush.IsCompleted || flush.IsCanceled) break;
            }
        }
        catch (Exception caught)
        {
            error = Translate(caught);
        }

        await _input.Writer.CompleteAsync(Volatile.Read(ref _reason) ?? error);

        // Handlers of the token are the application's code: what they throw comes out of DisposeAsync, where the server sees it.
        await _closed.CancelAsync();
    }

    private async Task SendAsync()
    {
        Exception? error = null;
        try
        {
            while (true)
            {
                ReadResult result = await _output.Reader.ReadAsync();
                if (result.IsCanceled) break;
                if (!result.Buffer.IsEmpty) await SendAsync(result.Buffer);
                _output.Reader.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted) break;
            }
        }
        catch (Exception caught)
        {
            error = Translate(caught);
        }

        Close(error);
        await _output.Reader.CompleteAsync(error);

        // A receive loop that waits for the application to read must end too.
        _input.Writer.CancelPendingFlush();
    }

    private async ValueTask SendAsync(ReadOnlySequence<byte> bytes)
    {
        if (bytes.IsSingleSegment)
        {
            await Socket.SendAsync(bytes.First, SocketFlags.None);
            return;
        }

        using IMemoryOwner<byte> together = MemoryPool.Rent((int)Math.Min(bytes.Length, MaxSend));
        while (!bytes.IsEmpty)
        {
            ReadOnlySequence<byte> part = bytes.Slice(0, Math.Min(bytes.Length, together.Memory.Length));
            part.CopyTo(together.Memory.Span);
            await Socket.SendAsync(together.Memory[..(int)part.Length], SocketFlags.None);
            bytes = bytes.Slice(part.End);
        }
    }

    /// <summary>Closes the socket, the first time: after an error with a reset, so that the peer does not take a piece for the whole.</summary>
    private void Close(Exception? error)
    {
        lock (_closing)
        {
            if (_isClosed) return;
            _isClosed = true;
            Volatile.Write(ref _reason, error);
            try
            {
                if (error is null) Socket.Shutdown(SocketShutdown.Both);
                else Socket.LingerState = new(enable: true, seconds: 0);
            }
            catch (SocketException)
            {
                // The peer was faster.
            }

            Socket.Dispose();
        }
    }

    /// <summary>What the socket says in the terms that the server knows.</summary>
    private Exception? Translate(Exception error) => Volatile.Read(ref _isClosed) ? Volatile.Read(ref _reason) : error switch
    {
        SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown } =>
            new ConnectionResetException(error.Message, error),
        _ => error,
    };

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
