// pg-boss is nothing but ES modules. Under `node16`, TypeScript takes types out of one into CommonJS
// only where the import says how to resolve it, and what bundles our types drops that.
import { readFileSync, writeFileSync } from 'node:fs'

const file = new URL('dist/index.d.cts', import.meta.url)
const types = readFileSync(file, 'utf8')
const bare = /^import (\{[^}]+\}) from 'pg-boss';$/m
if (!bare.test(types)) throw new Error('dist/index.d.cts does not import pg-boss as it used to.')
const explicit = "import type $1 from 'pg-boss' with { 'resolution-mode': 'import' };"
writeFileSync(file, types.replace(bare, explicit))
