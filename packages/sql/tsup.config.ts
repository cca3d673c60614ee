import { library } from '../../tsup.library.ts'

// Each entry is a subpath of `exports` in package.json.
export default library({ entry: ['index', 'mysql2'].map((name) => `src/${name}.ts`) })
