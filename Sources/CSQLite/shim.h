#include <sqlite3.h>

/* sqlite3_db_config is variadic, which Swift cannot call. Closing the last connection then leaves the WAL as it is: a
   gateway that must be gone in time does not start a checkpoint. */
static inline int clawhold_no_checkpoint_on_close(sqlite3 *db) {
    return sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)0);
}
