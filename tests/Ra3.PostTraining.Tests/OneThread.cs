using System.Runtime.CompilerServices;

namespace Ra3.PostTraining.Tests;

/// <summary>Tiny tensors gain nothing from several threads, and on a busy machine waiting for them costs most of the time.</summary>
internal static class OneThread
{
    [ModuleInitializer]
    internal static void Set() => TorchSharp.torch.set_num_threads(1);
}
