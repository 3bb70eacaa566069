using Ra3.Cli;
using Ra3.Models;

NativeThreads.WaitPassively();
return await Shell.RunAsync(args);
