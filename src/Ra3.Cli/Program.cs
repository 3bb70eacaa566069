using Ra3.Cli;

return await Shell.RunAsync(args);
