import { MEASURES } from './measures.ts'

// Runs one measure in a process of its own, so that none inherits another's heap and compiled code.
const [name = ''] = process.argv.slice(2)
const file = await MEASURES[name]?.()
const figures = await file?.measure()
process.send?.(figures, () => process.exit())
