using System.Numerics;

namespace Berth.Jobs;

/// <summary>Base58 in Bitcoin's alphabet: how addresses, job ids and endpoint ids are written.</summary>
public static class Base58
{
    private const string Alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

    /// <summary>The text for the bytes; every leading zero byte becomes a leading '1'.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var zeros = 0;
        while (zeros < bytes.Length && bytes[zeros] == 0)
        {
            zeros++;
        }

        var number = new BigInteger(bytes, isUnsigned: true, isBigEndian: true);
        var reversed = new List<char>(bytes.Length * 2);
        while (!number.IsZero)
        {
            number = BigInteger.DivRem(number, 58, out var digit);
            reversed.Add(Alphabet[(int)digit]);
        }

        reversed.AddRange(Enumerable.Repeat('1', zeros));
        reversed.Reverse();
        return new string([.. reversed]);
    }

    /// <summary>The bytes the text stands for, or null when it has a character outside the alphabet.</summary>
    public static byte[]? Decode(string text)
    {
        var number = BigInteger.Zero;
        foreach (var character in text)
        {
            var digit = Alphabet.IndexOf(character, StringComparison.Ordinal);
            if (digit < 0)
            {
                return null;
            }

            number = (number * 58) + digit;
        }

        var zeros = text.TakeWhile(character => character == '1').Count();
        return [.. new byte[zeros], .. number.IsZero ? [] : number.ToByteArray(isUnsigned: true, isBigEndian: true)];
    }
}
