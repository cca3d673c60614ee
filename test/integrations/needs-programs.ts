import { provide } from '../servers/needs-servers.ts'

/** The databases of the ORMs, and the browser for the site in `docs`. Postgres comes by npm. */
export function setup(): void {
  provide(['mariadbd', 'chromium'])
}
