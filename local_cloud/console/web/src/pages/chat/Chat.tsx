import { useState } from "preact/hooks";
import { useLoaded } from "../../parts/loading";
import { Loading, Problem } from "../../parts/parts";
import { Conversation } from "./Conversation";
import { Login } from "./Login";
import { remember, remembered, type Session } from "./session";
import { chatSettings } from "./settings";

/** Log in, ask the agent, answer it, see the result. */
export function Chat() {
  const [session, setSession] = useState(remembered);
  const settings = useLoaded(chatSettings);
  const keep = (next?: Session) => {
    remember(next);
    setSession(next);
  };
  return (
    <section>
      <div class="title">
        <h1>Chat</h1>
        <span class="spring" />
        {session && (
          <>
            <span class="quiet">{session.username}</span>
            <button onClick={() => keep(undefined)}>Log out</button>
          </>
        )}
      </div>
      <Problem error={settings.error} retry={settings.again} />
      {!settings.value && !settings.error && <Loading />}
      {settings.value && !session && <Login clientId={settings.value.clientId} done={keep} />}
      {settings.value && session && <Conversation settings={settings.value} session={session} keep={keep} />}
    </section>
  );
}
