// Checks the packages as people get them: packed, installed from the tarballs, imported, required,
// compiled against, run on real servers; and what stands in them. `pnpm build && pnpm release:check`.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkImportGraph } from './import-graph.ts'
import { checkInstalled, checkLowestPeers } from './installed.ts'
import { packAll } from './packages.ts'
import { checkOneVersion, checkRules } from './rules.ts'
import { check, failures, run } from './steps.ts'
import { startStores, type Stores } from './stores.ts'
import { checkSandboxWeight } from './weight.ts'

let stores: Stores | undefined
const workplace = await mkdtemp(join(tmpdir(), 'hongbao-packaging-'))

try {
  const packages = await packAll(workplace)
  for (const each of packages) {
    await checkRules(each)
    await check(`${each.name}: publint`, 'Correct the manifest as publint says.', () =>
      run('publint', ['run', each.tarball, '--strict']),
    )
    await check(
      `${each.name}: types resolve`,
      'Correct `publishConfig.exports` as attw says.',
      () => run('attw', [each.tarball, '--profile', 'node16', '--no-color', '--no-emoji']),
    )
  }
  await checkOneVersion(packages)
  await checkImportGraph(packages)
  await checkSandboxWeight(packages, join(workplace, 'sandbox-alone'))
  await check('the servers start', 'The programs of the consumers need them.', async () => {
    stores = await startStores()
  })
  await checkInstalled(packages, join(workplace, 'consumer'), stores)
  await checkLowestPeers(packages, join(workplace, 'lowest-peers'), stores)
} finally {
  await stores?.close()
  await rm(workplace, { recursive: true, force: true })
}

if (failures() > 0) {
  console.log(`\n${failures()} checks failed. Each line above says what to do.`)
  process.exitCode = 1
} else {
  console.log('\nEvery check of the release passed.')
}
