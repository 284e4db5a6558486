import type { Balance } from "../charts/BalancePlot";
import type { Estimate } from "../charts/ForestPlot";
import type { Overlap } from "../charts/OverlapPlot";
import type { Sensitivity } from "../charts/SensitivityPlot";

/** What a tool found that bears on the claim. */
export interface Finding {
  kind: string;
  weight: "stops" | "weakens" | "note";
  text: string;
}

export interface Check {
  passed: boolean;
  mean_effect?: number;
  shows?: string;
  cannot_show?: string;
}

/** An analysis' result, as the agent tells it and keeps it. */
export interface Outcome {
  analysisId: string;
  status: string;
  code: string;
  summary: string;
  question?: string;
  dataset?: string;
  headlineMethod?: string;
  estimates?: Record<string, Estimate>;
  refutations?: Record<string, Check>;
  sensitivity?: Sensitivity;
  balance?: Balance;
  findings?: Finding[];
  evidence?: {
    treatment?: string;
    outcome?: string;
    adjustment_set?: string[];
    rows?: number;
    rows_dropped?: number;
    claim?: "effect" | "none";
    att?: Record<string, Estimate>;
    trimmed?: { rule: string; rows: Record<string, number>; ATE?: Estimate; ATT?: Estimate; error?: string };
    for_whom?: Record<string, string>;
    overlap?: Overlap;
    first_stage?: { f: number; partial_r2: number };
    graph?: { edges?: [string, string][]; unobserved?: string[] };
    identification?: { open_path?: string[]; adjustment_set?: string[]; instruments?: { column: string }[] };
  };
  files?: { report?: string; script?: string };
  resultUri?: string;
  script?: string | null;
}
