import { aws } from "../../api";
import { date } from "../../format";
import { useLoaded } from "../../parts/loading";
import { Badge, Empty, Loading, Problem } from "../../parts/parts";
import { link } from "../../router";

interface User {
  Username: string;
  UserStatus: string;
  UserCreateDate: number;
  Attributes: { Name: string; Value: string }[];
}

async function everyUser(): Promise<(User & { pool: string })[]> {
  const pools: { Id: string; Name: string }[] = (await aws("cognito-idp", "list_user_pools", { MaxResults: 60 }))
    .UserPools;
  const found = await Promise.all(pools.map((pool) => aws("cognito-idp", "list_users", { UserPoolId: pool.Id })));
  return pools.flatMap((pool, n) => found[n].Users.map((user: User) => ({ ...user, pool: pool.Name })));
}

export function Users() {
  const loaded = useLoaded(everyUser);
  const of = (user: User, name: string) => user.Attributes.find((attribute) => attribute.Name === name)?.Value ?? "";
  return (
    <>
      <Problem error={loaded.error} retry={loaded.again} />
      {!loaded.value && !loaded.error && <Loading what="users" />}
      {loaded.value?.length === 0 && (
        <Empty>
          No users. Sign up on the <a href={link("chat")}>chat page</a>.
        </Empty>
      )}
      {loaded.value && loaded.value.length > 0 && (
        <div class="scroll" tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th>User</th>
                <th>Pool</th>
                <th>Status</th>
                <th>E-mail</th>
                <th>sub</th>
                <th>Created</th>
              </tr>
            </thead>
            <tbody>
              {loaded.value.map((user) => (
                <tr key={`${user.pool}/${user.Username}`}>
                  <td>{user.Username}</td>
                  <td>{user.pool}</td>
                  <td>
                    <Badge status={user.UserStatus} />
                  </td>
                  <td>{of(user, "email")}</td>
                  <td>
                    <code>{of(user, "sub")}</code>
                  </td>
                  <td>{date(user.UserCreateDate)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
