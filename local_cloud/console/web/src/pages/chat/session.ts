/** Who is logged in, in this tab: what a reload needs, and gone with the tab. */

const KEY = "chat";

export interface Session {
  username: string;
  token: string;
  /** The analysis that is shown. */
  analysisId?: string;
}

export function remembered(): Session | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(session?: Session): void {
  if (session) sessionStorage.setItem(KEY, JSON.stringify(session));
  else sessionStorage.removeItem(KEY);
}
