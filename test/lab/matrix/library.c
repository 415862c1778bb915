/* The library that scenarios replace; the table is relocated when it is loaded. */
int version(void) { return VERSION; }
#if VERSION == 2
int added(int x) { return x + 1; }
int (*const table[])(int) = {added};
#endif
