import type { Figure } from './figure.ts'

// Runs one measure in a process of its own, so that none inherits another's heap and compiled code.
const [name] = process.argv.slice(2)
const file = (await import(`./${name}.ts`)) as { measure(): Promise<Figure[]> }
const figures = await file.measure()
process.send?.(figures, () => process.exit())
