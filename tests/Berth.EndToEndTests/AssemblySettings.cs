using System.Runtime.Versioning;
using Berth.EndToEndTests.Lab;
using Xunit.v3;

// Most of a test's time is waiting for containers.
[assembly: Parallelization(MaxThreads = 4)]
[assembly: SupportedOSPlatform("linux")]
[assembly: AssemblyFixture(typeof(LabFolder))]
