/** What `npm start` runs; `switchyard serve` does the same. */
import { serve } from './serve.js';

await serve();
