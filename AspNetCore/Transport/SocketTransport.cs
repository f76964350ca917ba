// Kestrel's way to the sockets, for buffers that are native memory.
//
//   SocketTransport ── bind ──► SocketListener ── accept ──► SocketConnection: two pipes on the pool, two loops
//
// Kestrel's own transport can receive into native memory, but sends a response that lies in several buffers as a list of managed arrays, and ends the
// connection when they are none. It has no hook for that, hence this one. It obeys SocketTransportOptions, and Kestrel asks it before its own.
// Not done: the debug log of each connection's life that Kestrel's transport writes, queues for I/O, FileHandleEndPoint with pipes.

using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace KAlloc.AspNetCore;

internal sealed class SocketTransport(KernelMemoryPoolFactory pools, SocketTransportOptions options) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint or UnixDomainSocketEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        Socket socket;
        try
        {
            socket = options.CreateBoundListenSocket(endpoint);
        }
        catch (SocketException error) when (error.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(error.Message, error);
        }

        socket.Listen(options.Backlog);
        return ValueTask.FromResult<IConnectionListener>(new SocketListener(socket, pools.Create(new() { Owner = "kestrel" }), options));
    }
}
