// Loads every entry that is named in the arguments, in both module systems.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const MARKS = new Set(['default', '__esModule', 'module.exports'])
const namesOf = (module) => Object.keys(module).filter((name) => !MARKS.has(name))

for (const entry of process.argv.slice(2)) {
  const imported = namesOf(await import(entry)).toSorted()
  const required = namesOf(require(entry)).toSorted()
  if (imported.length === 0) throw new Error(`${entry} exports nothing.`)
  if (String(imported) !== String(required)) {
    throw new Error(`${entry} exports ${imported} to import, and ${required} to require.`)
  }
}
