export declare const IMPORT_RULES: readonly { readonly from: string; readonly may: readonly string[] }[];
export declare const IS_TEST: RegExp;
