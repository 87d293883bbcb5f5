using Berth.Jobs;
using Xunit;

namespace Berth.Tests.Jobs;

public sealed class EndpointIdTests
{
    [Theory]
    [InlineData(0, "11434", "H3fhW6p9qQ2anKERK85LCVd3TJu2DVPdX2FhzWLMUyqg", "tzrYei3AxEa13vc1qY1VLoNniRKX7jF5dNJVq93HPPb5")]
    [InlineData(0, "80", "11111111111111111111111111111111", "42Kgi57UG4BzrKVDib5f51VDSdAmewAsMmtw9i5VXW7n")]
    [InlineData(1, "8000-8005", "11111111111111111111111111111111", "22UYBcR99RW6YeFQeP4UoHW6w7J6NkhR8GZt7rJ3bBhE")]
    public void An_endpoint_is_derived_from_operation_port_and_job(int index, string port, string job, string id) =>
        Assert.Equal(id, EndpointId.For(index, port, new JobId(job)).Value);

    [Fact]
    public void A_deployment_has_one_hash_for_all_its_replicas() => Assert.Equal(
        "2G5kdPum1xydsDv8uLqA4zbAEUre8mwddYV8z7VF49hGw",
        EndpointId.DeploymentHash("dep-1", "CTYw7JqNeh92BLFCJ5pR9HbpZHCsQPxtV2mZdD7WY2bD"));

    [Fact]
    public void A_deployments_endpoint_names_the_operation_and_no_port() => Assert.Equal(
        "4TqQmzQAoyEt2grg79fapaxEFzvAjZX1EQZV9pz1dG3F",
        EndpointId.ForDeployment(new OperationId("web"), "2G5kdPum1xydsDv8uLqA4zbAEUre8mwddYV8z7VF49hGw").Value);

    [Fact]
    public void A_private_endpoint_cannot_be_guessed()
    {
        var id = EndpointId.Private().Value;

        Assert.Equal(45, id.Length);
        Assert.NotNull(Base58.Decode(id));
        Assert.NotEqual(id, EndpointId.Private().Value);
    }
}
