"""The only part that imports torch. The app and the command line start it as a process and read the run folder."""
