// Finds packages that are imported in the folders of NODE_PATH, which Node asks for `require` alone.
import path from "node:path";
import { pathToFileURL } from "node:url";

const folders = (process.env.NODE_PATH ?? "").split(path.delimiter).filter(Boolean);

export async function resolve(specifier, context, next) {
  try {
    return await next(specifier, context);
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND" || /^[./]|^[a-z]+:/.test(specifier)) throw error;
    for (const folder of folders) {
      const parentURL = pathToFileURL(path.join(folder, "..", "index.mjs")).href;
      try {
        return await next(specifier, { ...context, parentURL });
      } catch {
        // not in this one
      }
    }
    throw error;
  }
}
