/*
 * What a disk is told, written down: preloaded into a process, this notes every file that is made, renamed, removed and synced below one
 * folder, so that a loss of power can be played afterwards. A line is written after the fact it tells of, and before whoever caused it goes on.
 *
 * POWER_LOSS_FOLDER is the folder; POWER_LOSS_NOTES a folder for the notes, and for a link to each file that was made, named by its number.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *folder, *notes;
static int note_fd = -1;
static int made;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
  folder = getenv("POWER_LOSS_FOLDER");
  notes = getenv("POWER_LOSS_NOTES");
  if (folder == NULL || notes == NULL) return;
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/notes", notes);
  note_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (note_fd < 0) abort();
}

static int is_ours(const char *path) {
  return note_fd >= 0 && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static void note(const char *format, ...) {
  char line[2 * PATH_MAX + 64];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (write(note_fd, line, length) != length) abort();
}

/* LevelDB makes all files it writes in this way. */
FILE *fopen64(const char *path, const char *mode) {
  static FILE *(*real)(const char *, const char *);
  if (real == NULL) real = dlsym(RTLD_NEXT, "fopen64");
  FILE *file = real(path, mode);
  if (file == NULL || mode[0] != 'w' || !is_ours(path)) return file;
  char kept[PATH_MAX];
  pthread_mutex_lock(&lock);
  int number = ++made;
  snprintf(kept, sizeof kept, "%s/%d", notes, number);
  if (link(path, kept) != 0) abort();
  note("made\t%d\t%s\n", number, path);
  pthread_mutex_unlock(&lock);
  return file;
}

/* How large the file was when the sync began, and how far LevelDB had come with it: what is behind that are zeroes. */
static void note_sync(int fd, off_t size, off_t written) {
  char link_path[64], path[PATH_MAX];
  snprintf(link_path, sizeof link_path, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link_path, path, sizeof path - 1);
  if (length < 0) abort();
  path[length] = 0;
  if (is_ours(path)) note("synced\t%lld\t%lld\t%s\n", (long long)size, (long long)written, path);
}

static int synced(int fd, int (*real)(int)) {
  if (note_fd < 0) return real(fd);
  struct stat before;
  if (fstat(fd, &before) != 0) abort();
  off_t written = S_ISREG(before.st_mode) ? lseek(fd, 0, SEEK_CUR) : 0;
  if (written < 0) abort();
  int result = real(fd);
  if (result == 0) note_sync(fd, before.st_size, written);
  return result;
}

int fdatasync(int fd) {
  static int (*real)(int);
  if (real == NULL) real = dlsym(RTLD_NEXT, "fdatasync");
  return synced(fd, real);
}

int fsync(int fd) {
  static int (*real)(int);
  if (real == NULL) real = dlsym(RTLD_NEXT, "fsync");
  return synced(fd, real);
}

int rename(const char *from, const char *to) {
  static int (*real)(const char *, const char *);
  if (real == NULL) real = dlsym(RTLD_NEXT, "rename");
  int result = real(from, to);
  if (result == 0 && is_ours(to)) note("renamed\t%s\t%s\n", from, to);
  return result;
}

int unlink(const char *path) {
  static int (*real)(const char *);
  if (real == NULL) real = dlsym(RTLD_NEXT, "unlink");
  int result = real(path);
  if (result == 0 && is_ours(path)) note("removed\t%s\n", path);
  return result;
}
