/* SPDX-License-Identifier: MIT */
/*
 * What SQLite's secure_delete leaves behind. It overwrites what is deleted, but not what a page that splits leaves in
 * its unused middle: measured, parts of one row in some hundreds stay there for years. So that middle is zeroed in each
 * page on its way into the database, on a copy, behind SQLite's back: it never reads it.
 *
 * The shape of pages is that of https://sqlite.org/fileformat2.html, 1.6 (b-tree pages) and 1.8 (pointer maps). Pages
 * of other kinds begin with the number of a page, whose first octet is 0 below 2^24 pages (64 GiB).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/store_private.h"

#define FILE_HEADER_BYTES 100
#define LOCK_OFFSET 0x40000000 /* its page is never used */

/* SQLite's methods of the file with one of them replaced; found from there by being the first member. */
struct store_scrub {
	sqlite3_io_methods methods;
	const sqlite3_io_methods *original;
	size_t page_bytes;
	unsigned char page[];
};

/* The first page of a run that tells of the pages behind it; five octets for each. */
static bool is_pointer_map(uint64_t page, size_t page_bytes)
{
	const uint64_t run = page_bytes / 5 + 1;
	uint64_t map;

	if (page < 2)
		return false;
	map = (page - 2) / run * run + 2;
	if (map == LOCK_OFFSET / page_bytes + 1)
		map++;
	return map == page;
}

static size_t read_be16(const unsigned char *octets)
{
	return (size_t)octets[0] << 8 | octets[1];
}

/* Zeroes what lies between the page's index of cells and the first of them. */
static void scrub_page(unsigned char *page, uint64_t number, size_t page_bytes)
{
	const size_t header = number == 1 ? FILE_HEADER_BYTES : 0;
	const unsigned char kind = page[header];
	const bool is_interior = kind == 2 || kind == 5;
	const bool is_leaf = kind == 10 || kind == 13;
	const size_t first = header + (is_interior ? 12 : 8) + 2 * read_be16(page + header + 3);
	size_t end = read_be16(page + header + 5);

	if (!is_interior && !is_leaf)
		return;
	if (end == 0)
		end = 65536;
	if (first < end && end <= page_bytes)
		memset(page + first, 0, end - first);
}

static int write_scrubbed(sqlite3_file *file, const void *content, int n_bytes, sqlite3_int64 offset)
{
	struct store_scrub *scrub = (struct store_scrub *)(void *)file->pMethods;
	const uint64_t number = (uint64_t)offset / scrub->page_bytes + 1;

	/* all writes are of whole pages; others would be none of ours */
	if ((size_t)n_bytes != scrub->page_bytes || (uint64_t)offset % scrub->page_bytes != 0 ||
	    is_pointer_map(number, scrub->page_bytes))
		return scrub->original->xWrite(file, content, n_bytes, offset);
	memcpy(scrub->page, content, scrub->page_bytes);
	scrub_page(scrub->page, number, scrub->page_bytes);
	return scrub->original->xWrite(file, scrub->page, n_bytes, offset);
}

int store_scrub_install(sqlite3 *db, struct store_scrub **out)
{
	sqlite3_file *file = NULL;
	struct store_scrub *scrub;
	int64_t page_bytes = 0;
	int n_reserved = -1;
	int r = store_fetch_int64(db, "PRAGMA page_size", &page_bytes);

	if (!r)
		r = store_error(db, sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file));
	if (!r)
		r = store_error(db, sqlite3_file_control(db, "main", SQLITE_FCNTL_RESERVE_BYTES, &n_reserved));
	/* somebody's encryption has its own pages, and leaves nothing to be read */
	if (r || n_reserved != 0)
		return r;
	scrub = malloc(sizeof(*scrub) + (size_t)page_bytes);
	if (!scrub)
		return -ENOMEM;
	scrub->methods = *file->pMethods;
	scrub->methods.xWrite = write_scrubbed;
	scrub->original = file->pMethods;
	scrub->page_bytes = (size_t)page_bytes;
	file->pMethods = &scrub->methods;
	*out = scrub;
	return 0;
}
