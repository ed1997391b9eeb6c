using System.Net.Sockets;
using Npgsql;

namespace Vitrine.Cluster;

/// <summary>The tables in which silos find each other, in a PostgreSQL database.</summary>
/// <remarks>
/// Orleans reads the statements that it runs from a table <c>OrleansQuery</c>; their keys, parameters and columns are its contract (Orleans 10.4,
/// <c>DbStoredQueries</c>). The statements are our own: each changes the version and the row together, or neither. They stand in the schema <c>vitrine</c>
/// unless the connection string names a search path.
/// </remarks>
internal static class MembershipTables
{
    private const string Schema = "vitrine", Example = "Host=127.0.0.1;Username=vitrine;Database=vitrine";

    /// <summary>Any number: whoever makes the tables holds this lock of the database.</summary>
    private const long MakingTables = 0x76697472696e65;

    private const string Columns =
        "v.DeploymentId, v.Version, m.Address, m.Port, m.Generation, m.SiloName, m.HostName, m.Status, m.ProxyPort, m.SuspectTimes, m.StartTime, "
            + "m.IAmAliveTime";

    private const string ThisSilo = "DeploymentId = @DeploymentId AND Address = @Address AND Port = @Port AND Generation = @Generation";

    private const string Tables = """
        CREATE TABLE IF NOT EXISTS OrleansQuery (QueryKey varchar(64) PRIMARY KEY, QueryText text NOT NULL);
        CREATE TABLE IF NOT EXISTS OrleansMembershipVersionTable (
            DeploymentId varchar(150) PRIMARY KEY,
            Timestamp timestamptz NOT NULL DEFAULT now(),
            Version integer NOT NULL DEFAULT 0);
        CREATE TABLE IF NOT EXISTS OrleansMembershipTable (
            DeploymentId varchar(150) NOT NULL REFERENCES OrleansMembershipVersionTable,
            Address varchar(45) NOT NULL, Port integer NOT NULL, Generation integer NOT NULL,
            SiloName varchar(150) NOT NULL, HostName varchar(150) NOT NULL,
            Status integer NOT NULL, ProxyPort integer, SuspectTimes text,
            StartTime timestamptz NOT NULL, IAmAliveTime timestamptz NOT NULL,
            PRIMARY KEY (DeploymentId, Address, Port, Generation));
        """;

    /// <remarks>3 is the status of an active silo (Orleans' SiloStatus).</remarks>
    private static readonly Dictionary<string, string> Queries = new()
    {
        ["MembershipReadAllKey"] = $"SELECT {Columns} FROM OrleansMembershipVersionTable v LEFT JOIN OrleansMembershipTable m USING (DeploymentId) "
            + "WHERE v.DeploymentId = @DeploymentId",
        ["MembershipReadRowKey"] = $"SELECT {Columns} FROM OrleansMembershipVersionTable v LEFT JOIN OrleansMembershipTable m "
            + "ON m.DeploymentId = v.DeploymentId AND m.Address = @Address AND m.Port = @Port AND m.Generation = @Generation "
            + "WHERE v.DeploymentId = @DeploymentId",
        ["GatewaysQueryKey"] = "SELECT Address, ProxyPort, Generation FROM OrleansMembershipTable "
            + "WHERE DeploymentId = @DeploymentId AND Status = @Status AND ProxyPort > 0",
        ["UpdateIAmAlivetimeKey"] = $"UPDATE OrleansMembershipTable SET IAmAliveTime = @IAmAliveTime WHERE {ThisSilo}",
        ["InsertMembershipVersionKey"] = "WITH made AS (INSERT INTO OrleansMembershipVersionTable (DeploymentId) VALUES (@DeploymentId) "
            + "ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*)::int FROM made",
        ["InsertMembershipKey"] = $"{Counted("NOT EXISTS")}, made AS (INSERT INTO OrleansMembershipTable "
            + "(DeploymentId, Address, Port, Generation, SiloName, HostName, Status, ProxyPort, StartTime, IAmAliveTime) "
            + "SELECT DeploymentId, @Address::varchar, @Port::int, @Generation::int, @SiloName::varchar, @HostName::varchar, @Status::int, @ProxyPort::int, "
            + "@StartTime::timestamptz, @IAmAliveTime::timestamptz FROM counted RETURNING 1) SELECT count(*)::int FROM made",
        ["UpdateMembershipKey"] = $"{Counted("EXISTS")}, made AS (UPDATE OrleansMembershipTable m "
            + "SET Status = @Status::int, SuspectTimes = @SuspectTimes::text, IAmAliveTime = @IAmAliveTime::timestamptz FROM counted c "
            + "WHERE m.DeploymentId = c.DeploymentId AND m.Address = @Address AND m.Port = @Port AND m.Generation = @Generation RETURNING 1) "
            + "SELECT count(*)::int FROM made",
        ["DeleteMembershipTableEntriesKey"] = "DELETE FROM OrleansMembershipTable WHERE DeploymentId = @DeploymentId; "
            + "DELETE FROM OrleansMembershipVersionTable WHERE DeploymentId = @DeploymentId",
        ["CleanupDefunctSiloEntriesKey"] = "DELETE FROM OrleansMembershipTable "
            + "WHERE DeploymentId = @DeploymentId AND IAmAliveTime < @IAmAliveTime AND Status <> 3",
    };

    /// <summary>Makes the tables where they are not there. Several silos may do so at once.</summary>
    /// <param name="connection">A connection string.</param>
    /// <returns>The connection string with which the tables are found.</returns>
    /// <exception cref="VitrineException">The string is none, or the database cannot be reached or written.</exception>
    public static async Task<string> EnsureAsync(string connection, CancellationToken cancellation)
    {
        var to = Read(connection);
        try
        {
            await using var source = NpgsqlDataSource.Create(to);
            await using var opened = await source.OpenConnectionAsync(cancellation).ConfigureAwait(false);
            await using var transaction = await opened.BeginTransactionAsync(cancellation).ConfigureAwait(false);
            await RunAsync($"SELECT pg_advisory_xact_lock({MakingTables})").ConfigureAwait(false);
            if (to.SearchPath == Schema)
            {
                await RunAsync($"CREATE SCHEMA IF NOT EXISTS {Schema}").ConfigureAwait(false);
            }

            await RunAsync(Tables).ConfigureAwait(false);
            foreach (var (key, text) in Queries)
            {
                await RunAsync(
                    "INSERT INTO OrleansQuery VALUES ($1, $2) ON CONFLICT (QueryKey) DO UPDATE SET QueryText = excluded.QueryText "
                    + "WHERE OrleansQuery.QueryText <> excluded.QueryText", key, text).ConfigureAwait(false);
            }

            await transaction.CommitAsync(cancellation).ConfigureAwait(false);
            return to.ConnectionString;

            async Task RunAsync(string sql, params string[] values)
            {
                await using var command = new NpgsqlCommand(sql, opened, transaction);
                foreach (var value in values)
                {
                    command.Parameters.Add(new NpgsqlParameter { Value = value });
                }

                await command.ExecuteNonQueryAsync(cancellation).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or TimeoutException or IOException)
        {
            throw new VitrineException(
                $"PostgreSQL, database '{to.Database}' at {to.Host}:{to.Port}: {(e.InnerException is SocketException inner ? inner : e).Message}. "
                + "Is it running, and may the user make tables in it?", e);
        }
    }

    /// <summary>Where a connection string leads, without its password.</summary>
    public static string PlaceOf(string connection)
    {
        var to = Read(connection);
        return $"{to.Host}:{to.Port}/{to.Database}";
    }

    private static NpgsqlConnectionStringBuilder Read(string connection)
    {
        try
        {
            var to = new NpgsqlConnectionStringBuilder(connection);
            return to.Host is null or ""
                ? throw new VitrineException($"the connection string of PostgreSQL names no host; expected e.g. '{Example}'.")
                : new NpgsqlConnectionStringBuilder(to.ConnectionString) { SearchPath = string.IsNullOrEmpty(to.SearchPath) ? Schema : to.SearchPath };
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new VitrineException(
                $"the connection string of PostgreSQL is none ({e.Message}); expected e.g. '{Example}'.", e);
        }
    }

    /// <summary>Counts the version up, where it is the one that the silo has read and its row is there, or is not.</summary>
    private static string Counted(string row)
        => "WITH counted AS (UPDATE OrleansMembershipVersionTable SET Version = Version + 1, Timestamp = now() "
            + $"WHERE DeploymentId = @DeploymentId AND Version = @Version AND {row} (SELECT 1 FROM OrleansMembershipTable WHERE {ThisSilo}) "
            + "RETURNING DeploymentId)";
}
