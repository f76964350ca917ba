using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace KAlloc.AspNetCore;

/// <summary>Accepts the connections of one endpoint. They share a pool.</summary>
internal sealed class SocketListener : IConnectionListener
{
    private readonly Socket _socket;
    private readonly MemoryPool<byte> _pool;
    private readonly SocketTransportOptions _options;
    private readonly PipeOptions _input;
    private readonly PipeOptions _output;

    internal SocketListener(Socket socket, MemoryPool<byte> pool, SocketTransportOptions options)
    {
        _socket = socket;
        _pool = pool;
        _options = options;
        EndPoint = socket.LocalEndPoint!;

        // A pipe has no limit at 0.
        long read = options.MaxReadBufferSize ?? 0, write = options.MaxWriteBufferSize ?? 0;
        PipeScheduler application = options.UnsafePreferInlineScheduling ? PipeScheduler.Inline : PipeScheduler.ThreadPool;
        _input = new(pool, application, PipeScheduler.ThreadPool, read, read / 2, useSynchronizationContext: false);
        _output = new(pool, PipeScheduler.ThreadPool, application, write, write / 2, useSynchronizationContext: false);
    }

    public EndPoint EndPoint { get; }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            try
            {
                Socket socket = await _socket.AcceptAsync(cancellationToken);
                if (EndPoint is IPEndPoint) socket.NoDelay = _options.NoDelay;
                var connection = new SocketConnection(socket, _pool, _input, _output, _options.WaitForDataBeforeAllocatingBuffer);
                connection.Start();
                return connection;
            }
            catch (ObjectDisposedException)
            {
                return null;
            }
            catch (SocketException error) when (error.SocketErrorCode == SocketError.OperationAborted)
            {
                return null;
            }
            catch (SocketException)
            {
                // The peer left while it stood in the queue.
            }
        }
    }

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _socket.Dispose();
        return default;
    }

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        _pool.Dispose();
        return default;
    }
}
