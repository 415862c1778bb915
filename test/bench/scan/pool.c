// A library of the pool, with the sections of any library; every copy gets a build-id of its own.
static const int table[256] = {1, 2, 3};
static int written[256] = {4, 5, 6};
static int untouched[256];
int pool_value(int at) { return table[at & 255] + written[at & 255]++ + untouched[at & 255]++; }
