/** What may stand at a place of a definition: fields, paths of JSONPath, functions of both query languages.
 *
 * https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
 * https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
 */

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";

const CONTEXT = ["Execution.Id", "Execution.Input", "Execution.Name", "Execution.RoleArn", "Execution.StartTime"];
const MORE = ["State.EnteredTime", "State.Name", "State.RetryCount", "StateMachine.Id", "StateMachine.Name"];
const ITEM = ["Task.Token", "Map.Item.Index", "Map.Item.Value"];
const IN_CONTEXT = [...CONTEXT, ...MORE, ...ITEM];

const INTRINSIC =
  "Array ArrayContains ArrayGetItem ArrayLength ArrayPartition ArrayRange ArrayUnique Base64Decode Base64Encode Format Hash JsonMerge JsonToString MathAdd MathRandom StringSplit StringToJson UUID";
const JSONATA =
  "abs append assert average base64decode base64encode boolean ceil contains count distinct each error exists filter floor formatBase formatInteger formatNumber fromMillis hash join keys length lookup lowercase map match max merge millis min not now number pad parse parseInteger partition power random range reduce replace reverse round shuffle sift single sort split spread sqrt string substring substringAfter substringBefore sum toMillis trim type uppercase uuid zip";
const FIELDS =
  "Arguments Assign BackoffRate Branches Catch Cause CausePath Choices Comment Condition Credentials Default End Error ErrorEquals ErrorPath HeartbeatSeconds InputPath IntervalSeconds ItemBatcher ItemProcessor ItemReader ItemSelector Items ItemsPath JitterStrategy Label MaxAttempts MaxConcurrency MaxDelaySeconds Next Output OutputPath Parameters ProcessorConfig QueryLanguage Resource Result ResultPath ResultSelector ResultWriter Retry Seconds SecondsPath StartAt States TimeoutSeconds Timestamp ToleratedFailureCount ToleratedFailurePercentage Type Variable";

const words = (text: string, type: string, before = "", after = ""): Completion[] =>
  text.split(" ").map((word) => ({ label: `${before}${word}${after}`, type }));

const STATES = ["$states.input", "$states.result", "$states.errorOutput", "$states.context"];
const OF_JSONATA: Completion[] = [
  ...STATES.map((label) => ({ label, type: "variable", boost: 2 })),
  ...IN_CONTEXT.map((path) => ({ label: `$states.context.${path}`, type: "variable" })),
  ...words(JSONATA, "function", "$", "("),
];
const OF_JSONPATH: Completion[] = [
  ...IN_CONTEXT.map((path) => ({ label: `$$.${path}`, type: "variable" })),
  ...words(INTRINSIC, "function", "States.", "("),
];

export function completions(context: CompletionContext): CompletionResult | null {
  const line = context.state.doc.lineAt(context.pos);
  const before = line.text.slice(0, context.pos - line.from);
  const text = /"(?:[^"\\]|\\.)*$/.exec(before)?.[0];
  if (text === undefined) return null;
  const word = /[$\w.]*$/.exec(text)![0];
  if (!word && !context.explicit) return null;
  const from = context.pos - word.length;
  if (text.includes("{%")) return { from, options: OF_JSONATA };
  if (/^\s*(\{\s*)?"[^"]*$/.test(before)) return { from, options: words(FIELDS, "property") };
  return word.startsWith("$") || word.startsWith("S") || context.explicit ? { from, options: OF_JSONPATH } : null;
}
