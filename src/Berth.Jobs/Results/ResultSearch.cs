using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Berth.Jobs.Definitions;

namespace Berth.Jobs.Results;

/// <summary>
/// Takes an operation's results from its log while it is written (job-language.md 3.12): the entries one after another, then
/// <see cref="Finish"/>. A pattern that takes too long yields <c>TimeoutError: …</c>; one that finds too much keeps what it
/// found first and is named in <see cref="CutKeys"/>. For one reader at a time.
/// </summary>
public sealed class ResultSearch
{
    /// <summary>How many entries may match per key.</summary>
    public const int MaximumMatches = 10_000;

    /// <summary>How many characters may be kept per key.</summary>
    public const int MaximumCharacters = 1024 * 1024;

    private const int Attempts = 3;

    private readonly TimeProvider _time;
    private readonly ImmutableArray<KeySearch> _all;
    private readonly List<KeySearch> _open;
    private TimeSpan _spent;

    public ResultSearch(ImmutableArray<ResultPattern> patterns, TimeProvider time)
    {
        _time = time;
        _all = [.. patterns.Select(pattern => new KeySearch(pattern))];
        _open = [.. _all.Where(search => search.IsOpen)];
    }

    /// <summary>How long one pattern may take on one entry.</summary>
    public static TimeSpan EntryLimit { get; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How long all patterns may take on all entries of the operation.</summary>
    public static TimeSpan OperationLimit { get; } = TimeSpan.FromSeconds(5);

    /// <summary>The keys whose later matches were left out.</summary>
    public ImmutableArray<string> CutKeys => [.. _all.Where(search => search.IsCut).Select(search => search.Key)];

    /// <summary>Whether entries of the stream can still yield anything; when not, nobody needs to make a text of them.</summary>
    public bool Covers(LogStream stream)
    {
        foreach (var search in _open)
        {
            if (search.Covers(stream))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Searches the next entry; its text ends with the newline it was written with.</summary>
    public void Search(LogStream stream, string entryText)
    {
        if (!Covers(stream))
        {
            return;
        }

        var before = _time.GetTimestamp();
        foreach (var search in _open)
        {
            if (!search.Covers(stream))
            {
                continue;
            }

            search.Search(entryText);
            var after = _time.GetTimestamp();
            _spent += _time.GetElapsedTime(before, after);
            before = after;
            if (_spent > OperationLimit)
            {
                _open.ForEach(open => open.TimeOut($"the patterns took longer than {OperationLimit.TotalSeconds} s over all log entries"));
                break;
            }
        }

        _open.RemoveAll(search => !search.IsOpen);
    }

    /// <summary>A value for every key, an empty one where nothing matched.</summary>
    public ImmutableDictionary<string, ResultValue> Finish()
    {
        var results = ImmutableDictionary.CreateBuilder<string, ResultValue>();
        foreach (var search in _all)
        {
            results[search.Key] = search.Value;
        }

        return results.ToImmutable();
    }

    private sealed class KeySearch
    {
        private readonly ResultPattern _asked;
        private readonly EcmaScriptPattern? _pattern;
        private readonly ImmutableArray<string?>.Builder _found = ImmutableArray.CreateBuilder<string?>();
        private string? _error;
        private int _matches;
        private int _characters;

        public KeySearch(ResultPattern asked)
        {
            _asked = asked;

            // A lone star is no pattern, but clients know it as one.
            (_pattern, _error) = EcmaScriptPattern.Parse(asked.Pattern == "*" ? "/*" : asked.Pattern, EntryLimit);
        }

        public string Key => _asked.Key;

        public bool IsCut { get; private set; }

        public bool IsOpen => _error is null && !IsCut;

        public ResultValue Value => _error is null ? new ResultValue { Matches = _found.ToImmutable() } : new ResultValue { Error = _error };

        public bool Covers(LogStream stream) => _asked.Covers(stream);

        // The limit is time on the wall: on a busy machine a quick pattern may run into it once, a slow one does every time.
        public void Search(string entryText)
        {
            for (var attempt = 1; attempt <= Attempts; attempt++)
            {
                try
                {
                    if (_pattern?.Match(entryText) is { } match)
                    {
                        Keep(match);
                    }

                    return;
                }
                catch (RegexMatchTimeoutException)
                {
                    // Once more, or it is said below.
                }
            }

            TimeOut($"the pattern took longer than {EntryLimit.TotalMilliseconds} ms on one log entry");
        }

        public void TimeOut(string why) => _error ??= $"TimeoutError: {why}";

        private void Keep(string?[] match)
        {
            var characters = match.Sum(group => (long)(group?.Length ?? 0));
            if (_matches == MaximumMatches || _characters + characters > MaximumCharacters)
            {
                IsCut = true;
                return;
            }

            _matches++;
            _characters += (int)characters;
            _found.AddRange(match);
        }
    }
}
