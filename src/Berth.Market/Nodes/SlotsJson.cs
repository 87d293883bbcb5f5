using System.Text.Json.Serialization;
using Berth.Protocol;

namespace Berth.Market.Nodes;

/// <summary>How a node's slots rest in their column.</summary>
[JsonSerializable(typeof(SlotFacts[]))]
internal sealed partial class SlotsJson : JsonSerializerContext;
