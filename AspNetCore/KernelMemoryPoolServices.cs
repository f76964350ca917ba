using KAlloc.AspNetCore;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Puts Kestrel on native memory.</summary>
public static class KernelMemoryPoolServices
{
    /// <summary>
    /// Lets the server's connections rent their buffers from KAlloc, over TCP and Unix sockets. Call it after what adds the server, which registers a
    /// factory of its own; <c>WebApplication.CreateBuilder</c> has done that when it returns.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="configure">Sets options; or null.</param>
    /// <returns>The services.</returns>
    public static IServiceCollection AddKernelMemoryPool(this IServiceCollection services, Action<KernelMemoryPoolOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        OptionsBuilder<KernelMemoryPoolOptions> options = services.AddOptions<KernelMemoryPoolOptions>();
        if (configure is not null) options.Configure(configure);
        services.TryAddSingleton(static provider =>
            new KernelMemoryPoolFactory(provider.GetRequiredService<IOptions<KernelMemoryPoolOptions>>().Value, provider.GetService<TimeProvider>()));
        services.RemoveAll<IMemoryPoolFactory<byte>>();
        services.AddSingleton<IMemoryPoolFactory<byte>>(static provider => provider.GetRequiredService<KernelMemoryPoolFactory>());

        // Before Kestrel's own: it asks the last one first.
        services.AddSingleton<IConnectionListenerFactory>(static provider =>
            new SocketTransport(provider.GetRequiredService<KernelMemoryPoolFactory>(), provider.GetRequiredService<IOptions<SocketTransportOptions>>().Value));
        return services;
    }
}
