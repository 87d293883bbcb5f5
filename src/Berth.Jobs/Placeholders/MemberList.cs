using System.Collections.Immutable;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Placeholders;

/// <summary>Members of an object in the making: a later one of the same name takes the place of the earlier one.</summary>
internal sealed class MemberList
{
    private readonly ImmutableArray<ObjectMember>.Builder _members = ImmutableArray.CreateBuilder<ObjectMember>();
    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);

    public void Set(ObjectMember member)
    {
        if (_places.TryAdd(member.Name, _members.Count))
        {
            _members.Add(member);
        }
        else
        {
            _members[_places[member.Name]] = member;
        }
    }

    public ImmutableArray<ObjectMember> ToImmutable() => _members.ToImmutable();
}
