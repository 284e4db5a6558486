import { useState } from "preact/hooks";
import { aws, CallFailed } from "../../api";
import { Problem } from "../../parts/parts";
import { link } from "../../router";
import type { Session } from "./session";

const DEMO = { username: "demo", secret: "causal/demo-user" };
const TITLES = { in: "Log in", up: "Sign up", confirm: "Confirm" };

/** Log in, sign up and confirm, with Cognito. */
export function Login({ clientId, done }: { clientId: string; done: (session: Session) => void }) {
  const [mode, setMode] = useState<keyof typeof TITLES>("in");
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [email, setEmail] = useState("");
  const [code, setCode] = useState("");
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const steps = {
    async up() {
      const made = await aws("cognito-idp", "sign_up", {
        ClientId: clientId,
        Username: username,
        Password: password,
        UserAttributes: [{ Name: "email", Value: email }],
      });
      setMode(made.UserConfirmed ? "in" : "confirm");
    },
    async confirm() {
      await aws("cognito-idp", "confirm_sign_up", { ClientId: clientId, Username: username, ConfirmationCode: code });
      setMode("in");
    },
    async in() {
      const answer = await aws("cognito-idp", "initiate_auth", {
        ClientId: clientId,
        AuthFlow: "USER_PASSWORD_AUTH",
        AuthParameters: { USERNAME: username, PASSWORD: password },
      });
      if (!answer.AuthenticationResult)
        throw new CallFailed("Challenge", `Cognito asks for more: ${answer.ChallengeName}.`);
      done({ username, token: answer.AuthenticationResult.AccessToken });
    },
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await steps[mode]();
    } catch (failure) {
      if (failure instanceof CallFailed && failure.code === "UserNotConfirmedException") setMode("confirm");
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const fillInDemo = () =>
    aws("secretsmanager", "get_secret_value", { SecretId: DEMO.secret }).then((found) => {
      setUsername(DEMO.username);
      setPassword(found.SecretString);
      setError(undefined);
    }, setError);
  return (
    <form class="card narrow" onSubmit={submit}>
      <h2>{TITLES[mode]}</h2>
      <label>
        User name
        <input autocomplete="username" required value={username} onInput={(e) => setUsername(e.currentTarget.value)} />
      </label>
      {mode === "up" && (
        <label>
          E-mail
          <input
            type="email"
            autocomplete="email"
            required
            value={email}
            onInput={(e) => setEmail(e.currentTarget.value)}
          />
        </label>
      )}
      {mode === "confirm" ? (
        <label>
          Confirmation code
          <input required inputMode="numeric" value={code} onInput={(e) => setCode(e.currentTarget.value)} />
          <span class="quiet">
            No mail is sent: the engine shows the code at <code>/_aws/cognito-idp/messages</code>.
          </span>
        </label>
      ) : (
        <label>
          Password
          <input
            type="password"
            autocomplete={mode === "up" ? "new-password" : "current-password"}
            required
            value={password}
            onInput={(e) => setPassword(e.currentTarget.value)}
          />
        </label>
      )}
      <Problem error={error} />
      <div class="actions">
        <button class="primary" disabled={busy}>
          {busy ? "…" : TITLES[mode]}
        </button>
        <button type="button" onClick={() => setMode(mode === "in" ? "up" : "in")}>
          {mode === "in" ? "Sign up" : "Log in instead"}
        </button>
      </div>
      {mode === "in" && (
        <p class="quiet">
          There is a user to try it with, whose password is the <a href={link("resources", "secrets")}>secret</a>{" "}
          {DEMO.secret}.{" "}
          <button type="button" class="link" onClick={fillInDemo}>
            Fill in the demo user
          </button>
        </p>
      )}
    </form>
  );
}
