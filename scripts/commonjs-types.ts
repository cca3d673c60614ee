// Some peers are nothing but ES modules. Under `node16`, TypeScript takes types out of one into CommonJS
// only where the import says how to resolve it, and what bundles our types drops that:
// `node ../../scripts/commonjs-types.ts pg-boss` in the folder of a package that is built.
import { readFileSync, writeFileSync } from 'node:fs'

const peer = process.argv[2]
const file = 'dist/index.d.cts'
const types = readFileSync(file, 'utf8')
const bare = new RegExp(`^import (\\{[^}]+\\}) from '${peer}';$`, 'm')
if (!bare.test(types)) throw new Error(`${file} does not import ${peer} as it used to.`)
const explicit = `import type $1 from '${peer}' with { 'resolution-mode': 'import' };`
writeFileSync(file, types.replace(bare, explicit))
