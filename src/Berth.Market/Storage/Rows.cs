using System.Data.Common;
using Berth.Protocol;

namespace Berth.Market.Storage;

/// <summary>Reading columns by name, and how values rest in columns: times as microseconds since 1970, yes and no as 1 and 0.</summary>
internal static class Rows
{
    public static long Micro(this DateTimeOffset at) => (at.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond;

    public static DateTimeOffset Time(long micro) => DateTimeOffset.UnixEpoch.AddTicks(micro * TimeSpan.TicksPerMicrosecond);

    extension(DbDataReader row)
    {
        public string Text(string column) => row.GetString(row.GetOrdinal(column));

        public string? TextOrNull(string column) => row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : row.GetString(at);

        public long Long(string column) => row.GetInt64(row.GetOrdinal(column));

        public long? LongOrNull(string column) => row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : row.GetInt64(at);

        public int Int(string column) => row.GetInt32(row.GetOrdinal(column));

        public int? IntOrNull(string column) => row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : row.GetInt32(at);

        public bool Flag(string column) => row.GetInt32(row.GetOrdinal(column)) != 0;

        public DateTimeOffset Moment(string column) => Time(row.Long(column));

        public DateTimeOffset? MomentOrNull(string column) => row.LongOrNull(column) is { } micro ? Time(micro) : null;

        public Nos Nos(string column) => new(row.Long(column));

        public byte[]? BytesOrNull(string column) => row.GetOrdinal(column) is var at && row.IsDBNull(at) ? null : (byte[])row.GetValue(at);
    }
}
