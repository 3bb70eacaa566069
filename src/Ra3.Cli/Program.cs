using Ra3.Cli;
using Ra3.Models;

NativeThreads.WaitBriefly();
return await Shell.RunAsync(args);
