/** Name of the shared schema of OpenAI's error envelope. */
export const ERROR_SCHEMA = 'Error';

/** What every route that can fail answers with, as a part of its schema. */
export const errorResponses = { '4xx': { $ref: ERROR_SCHEMA }, '5xx': { $ref: ERROR_SCHEMA } } as const;
