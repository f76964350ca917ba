// A Kestrel server whose connections live in native memory: loaded on loopback, then left alone until its memory is back.
//
//   dotnet run -c Release --project Samples/KestrelPool

using System.Globalization;
using KestrelPool;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
Figures figures = await Load.RunAsync(uploads: 128, bytesEach: 1 << 20);
Console.WriteLine($"before the load     {figures.Before}");
Console.WriteLine($"{figures.Uploads} uploads held  {figures.Loaded}");
Console.WriteLine($"idle for {figures.IdleFor.TotalSeconds,4:0.0} s      {figures.After}");
Console.WriteLine($"evicted {figures.Evictions} times, {Figures.Mebibytes((long)figures.EvictedBytes)}; wrong bytes echoed: {figures.WrongBytes}");
Console.Write(figures.LeakReport);
return figures.WrongBytes == 0 && figures.LeakReport.Length == 0 ? 0 : 1;
