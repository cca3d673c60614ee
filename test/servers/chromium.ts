import { spawnSync } from 'node:child_process'
import { chromium, type Browser } from 'playwright-core'

/**
 * Whether there is a `chromium`: for `describe.skipIf(!hasChromium)`. Under `CI=true` nothing is
 * skipped.
 */
export const hasChromium: boolean =
  process.env['CI'] === 'true' || spawnSync('chromium', ['--version']).status === 0

/** A name that resolves to this machine in the browser, as after an attack on DNS. */
export const REBOUND_NAME = 'rebound.example'

/** Starts Debian's browser, without requests of its own to other hosts. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--host-resolver-rules=MAP ${REBOUND_NAME} 127.0.0.1`,
    ],
  })
}
