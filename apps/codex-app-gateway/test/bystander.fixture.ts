// Leads a process group of its own and does nothing.
process.stdout.write('ready\n');
setInterval(() => undefined, 1000);
