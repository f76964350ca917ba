using System.Buffers;
using System.IO.Pipelines;

namespace KAlloc.Runtime.Tests;

/// <summary>A pipe on native buffers.</summary>
public class PipeTests
{
    [Fact]
    public async Task Pipe_CopiesAGigabyte()
    {
        const long Total = 1L << 30;
        KernelMemoryPool pool = KernelMemory.Default.CreateBufferPool();
        var pipe = new Pipe(new PipeOptions(pool, minimumSegmentSize: 65_536, pauseWriterThreshold: 1 << 20, resumeWriterThreshold: 1 << 19));
        Task writing = Task.Run(async () =>
        {
            for (long done = 0; done < Total;)
            {
                Memory<byte> memory = pipe.Writer.GetMemory(65_536)[..65_536];
                memory.Span.Fill((byte)(done >> 16));
                pipe.Writer.Advance(memory.Length);
                done += memory.Length;
                await pipe.Writer.FlushAsync();
            }

            await pipe.Writer.CompleteAsync();
        });
        long read = 0;
        while (true)
        {
            ReadResult result = await pipe.Reader.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in result.Buffer)
            {
                for (int at = 0; at < segment.Length;)
                {
                    int run = (int)Math.Min(segment.Length - at, 65_536 - (read & 65_535));
                    if (segment.Span.Slice(at, run).IndexOfAnyExcept((byte)(read >> 16)) >= 0) Assert.Fail($"a wrong byte behind {read}");
                    read += run;
                    at += run;
                }
            }

            pipe.Reader.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted) break;
        }

        await writing;
        await pipe.Reader.CompleteAsync();
        Assert.Equal(Total, read);
        Assert.Equal((0, 0), (pool.RentedBuffers, pool.RentedBytes));
    }
}
