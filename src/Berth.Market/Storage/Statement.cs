using System.Data;
using System.Data.Common;

namespace Berth.Market.Storage;

/// <summary>SQL as a store wrote it, and its values; <paramref name="Otherwise"/> says what is wrong when it does not change one row.</summary>
internal sealed record Statement(string Sql, (string Name, object? Value)[] Values, string? Otherwise = null)
{
    /// <summary>It has rows that nobody wants.</summary>
    public bool HasRows { get; init; }

    /// <summary>Makes parameters of the values.</summary>
    public void Bind(Func<DbParameter> make, DbParameterCollection parameters)
    {
        foreach (var (name, value) in Values)
        {
            var parameter = make();
            parameter.ParameterName = name;
            parameter.Value = value switch
            {
                null => DBNull.Value,
                string text when text.Contains('\0') => text.Replace('\0', '\uFFFD'),
                _ => value,
            };
            if (parameter.Value == DBNull.Value)
            {
                parameter.DbType = value is null ? DbType.String : DbType.Int64;
            }

            parameters.Add(parameter);
        }
    }
}
