import { get } from "../../api";

export interface ChatSettings {
  websocket: string;
  clientId: string;
  datasets: string[];
  /** The beginning of an analysis' execution ARN. */
  executions: string;
}

export const chatSettings = (): Promise<ChatSettings> => get("/api/chat");
